"""The models that paint: which there are, and loading one. The face of this package."""

from engine.models.catalogue import Catalogue, ModelEntry, load_catalogue, models_folder
from engine.models.generator import Generator, nearest_codes
from engine.models.loading import Models, choose_device, load_models
from engine.models.perceptor import Perceptor, Tokens

__all__ = ["Catalogue", "Generator", "ModelEntry", "Models", "Perceptor", "Tokens",
           "choose_device", "load_catalogue", "load_models", "models_folder", "nearest_codes"]
