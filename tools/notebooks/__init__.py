"""What is done with notebooks: execute them, make them fit to be committed, show them as pages, stamp what is alike in all."""
