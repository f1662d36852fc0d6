"""What is done with notebooks: execute them, make them fit to be committed, write pages of them, and what stands alike in all."""
