"""The energy of one frame and its minimum.

``objective`` is the energy, ``tiles`` the same window by window, ``presets`` the published weights
of its terms, ``networks`` a network with those that fit it; ``lbfgs`` takes a step, ``optimizers``
says what does, ``solve`` goes to the end, ``batch`` takes many frames there at once, ``memory``
says what that needs and how it is made to fit.
"""
