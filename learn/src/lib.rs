//! Learning from labelled texts: data sets, training, calibration and measures.
