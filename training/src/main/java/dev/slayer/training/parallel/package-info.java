/** Several processes that make a step together, over libtorch's Gloo, or NCCL on CUDA. */
package dev.slayer.training.parallel;
