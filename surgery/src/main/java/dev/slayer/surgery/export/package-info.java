/** Layouts as files: Hugging Face checkpoints and slice lists for merging tools. */
package dev.slayer.surgery.export;
