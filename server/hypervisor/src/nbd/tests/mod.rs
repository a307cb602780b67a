mod hostile;
mod real;
