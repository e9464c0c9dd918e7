"""The text tower of the `natural` perceptor: from English text to the 1,000 ImageNet classes."""
