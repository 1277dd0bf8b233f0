"""The pages that teachers, analysts and operators see: HTML and SVG made on the server, through the serving layer's rules."""
