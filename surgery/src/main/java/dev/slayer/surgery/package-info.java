/** Checkpoints, recipes and layouts. Pure Java: knows neither HTTP nor a native runtime. */
package dev.slayer.surgery;
