"""How the text towers were made: `drawn` by projection, `natural` by distillation."""
