"""The methods: CAM and Grad-CAM (`cam`), ways back to the pixels (`guided`), their relatives (`variants`).

What carries them: the passes (`engine`), what callers pass in (`arguments`), the model taken apart and put together
(`surgery`), where the cells of a map look (`places`), and maps of more images than the memory holds (`streaming`).
"""
