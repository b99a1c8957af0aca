/**
 * Training data: files are read as streams, rows become documents, documents become batches of tokens. Plain Java; knows neither
 * libtorch nor tokenizers ({@link dev.slayer.training.data.TextCodec} is the border). {@link dev.slayer.training.data.TrainingData} is
 * the way in.
 */
package dev.slayer.training.data;
