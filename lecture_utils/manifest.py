"""What the pinned copies hold, to verify a download by; see `datasets.digest_neu` and `digest_cifar10`."""
NEU = {}
CIFAR10 = {}
