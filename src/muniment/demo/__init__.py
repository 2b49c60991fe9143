"""`muniment demo`: the registry's main job, done on a real model before your eyes."""
