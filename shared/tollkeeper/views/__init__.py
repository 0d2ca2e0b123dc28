"""What is shown, as values: from them bodies are made, and pages."""
