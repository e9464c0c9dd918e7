"""How the models that ship were made. Not in the wheel; only bench and the tests import it.

``python -m training.drawn --help`` and ``python -m training.natural --help`` list the commands. A
folder imports only from those above it:

- common: stages, schedules, averaging, several processes, adversarial pictures, what is drawn
  beforehand
- world: the drawn world: scenes, their captions, their pictures
- pictures: natural training pictures: photographs, dead leaves, noise, icons
- perceptor: the picture towers
- generator, words: the VQGANs and the text towers, with a trainer for each model
- looks: the network of styles and lights, and the part that reads words
- drawn, natural: the commands
"""
