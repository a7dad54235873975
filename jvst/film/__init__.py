"""A clip: arrays in, stylized frames out.

``clip`` goes through it once, frame after frame, ``multipass`` forward and backward in turn, as
``schedule`` says; both give the frames out one by one. ``starts`` chooses where a frame's solve
starts, from ``one_pass`` painted without a solve; ``neighbours`` holds the frames that a frame is
tied to and how far they can be trusted, ``coarse`` solves a frame at smaller sizes first,
``pass_clip`` makes a clip of passes alone, pictures that ``composite`` puts together by the
``coordinates`` that pixels carry along; ``events`` are what all tell a listener on the way,
``arguments`` refuses what can't be meant.
"""
