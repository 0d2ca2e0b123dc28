"""The usage page's routes, a module a noun: what a browser that was let in is answered."""
