package dev.slayer.training.data;

import java.util.List;

/**
 * Where a packer is.
 *
 * @param sources where the mixer was when it drew what is packed now
 * @param offset tokens of the first example from there that are packed already
 * @param rows rows that were given already, of those made from there on
 */
record PackState(List<SourceState> sources, int offset, int rows) {}
