"""The loop's decoder of VQGANs: taming's Decoder with frozen weights."""
