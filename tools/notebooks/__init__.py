"""What is done with notebooks: execute them, make them fit to be committed, show them as pages, stamp what is alike in all."""


def notebook_paths(folder):
    """The notebooks in a folder, in their order: the folder is their list."""
    return sorted(folder.glob("*.ipynb"))
