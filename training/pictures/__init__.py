"""Natural training pictures: photographs, dead leaves, noise and icons."""
