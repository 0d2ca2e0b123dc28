"""HTML, from views: what a customer sees in their browser. Nothing here asks anybody anything."""
