"""What the pinned downloads hold: for each part [number of images, SHA-256], as `layouts` computes them.

NEU: decoded pixels and boxes of each class, numbers 1 to 250 (see `layouts.digest_neu`); 300 images of each.
CIFAR-10: the bytes of all files (see `layouts.digest_cifar10`).
"""

NEU = {
    "crazing": [300, "9401b624b514ed5a2db55fb16fe3a80920303ac573100ea621e13af4a1494260"],
    "inclusion": [300, "d2f76a39bc9c83dd833703025163c981c30ab06d16ea1cca68c650766ee14c3b"],
    "patches": [300, "39206438c5c5e938824aa2d5a89001a44fab479d39f7cf0f84437b8449803fcc"],
    "pitted_surface": [300, "8643fdeb9f984b41c5666271e873768a14141aad6fa5c8a8e44a6e40f5520d11"],
    "rolled-in_scale": [300, "fe0ffd5474d9bbce1e2270ffcbbb2ef4b3078acb641779a90b012dd6d0afd642"],
    "scratches": [300, "5872f76fb926082a0bacc5dfd33a46c803353d2209c60f759cec81e68dc81d36"],
}

CIFAR10 = {
    "train": [50_000, "e88678367f5af1161c9ee360dc684dbd5c4dbc001d3745c3398b4ed2b3769c87"],
    "test": [10_000, "ff06663bf9bea872b36759de020bc3648f3b2d270b2af789728c820daf2748aa"],
}
