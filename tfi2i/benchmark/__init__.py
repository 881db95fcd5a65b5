"""How fast the models are, beside other ways to run the same networks; imports no TensorFlow until it is called."""
