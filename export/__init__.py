"""Checkpoints to files that run elsewhere: ONNX for ugen-run and browsers, TorchScript for PyTorch
programs."""
