"""The natural perceptor: an ImageNet classifier and a text tower in one file."""
