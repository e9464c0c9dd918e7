"""The picture towers: `drawn` is a projection, `natural` an ImageNet classifier."""
