"""Images beside the maps of a layer, before and after a band was changed."""
