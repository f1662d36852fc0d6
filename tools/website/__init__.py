"""The site without a server: start page, run-sheet and capstone as pages, the check of all links."""
