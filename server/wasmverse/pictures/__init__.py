"""Pictures of a place and a turn, drawn from what SQL says of it: for links that are shown with a picture.

``light`` adds up points of light on a dark plane; ``sky`` draws the map and a system of it, with a line of words below.
Pure: rows in, the bytes of a PNG out. Imports nothing of the server.
"""
