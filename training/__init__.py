"""How the models that ship were made. Nothing outside this folder imports it."""
