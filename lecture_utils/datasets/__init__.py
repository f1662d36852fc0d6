"""The data: `loaders` choose where it comes from, `layouts` and `readers` read files, `downloads` fetch what is in `manifest`.

What is drawn by code is in `synthetic`, and marks that are laid over images, with known places, in `planted`.
"""
