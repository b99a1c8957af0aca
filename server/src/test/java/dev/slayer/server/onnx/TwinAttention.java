package dev.slayer.server.onnx;

/**
 * Attention of packed sequences over pages, slow and obvious.
 *
 * @param heads of queries
 * @param window rows that a row looks at, itself among them; below 0 for all before it
 * @param qkv queries, keys and values before rope: [rows, (heads + 2 kvHeads) * dim]
 * @param keys after rope: [pages, pageRows, kvHeads, dim], written in place; values likewise
 * @param cumulative where each sequence's rows begin: [sequences + 1]
 * @param past rows that each sequence has already: [sequences]
 * @param table pages of each sequence: [sequences, width]
 * @param cos of each position: [positions, dim / 2]; sin likewise
 * @param out [rows, heads * dim]
 */
record TwinAttention(
        int heads,
        int window,
        TwinTensor qkv,
        TwinTensor keys,
        TwinTensor values,
        TwinTensor cumulative,
        TwinTensor past,
        TwinTensor table,
        TwinTensor cos,
        TwinTensor sin,
        TwinTensor out) {
    /** Told of each number of keys and values that is written. */
    @FunctionalInterface
    interface Written {
        void number(boolean cut);
    }

    /** A new row of a sequence. */
    private record Place(int sequence, int row, int position) {}

    int kvHeads() {
        return keys.size(2);
    }

    private int dim() {
        return keys.size(3);
    }

    /** Writes the keys and values of each sequence's new rows, then what these attend to. */
    void run(Written told) {
        for (int sequence = 0; sequence < past.size(0); sequence++) {
            int first = cumulative.integer(sequence);
            int end = cumulative.integer(sequence + 1L);
            for (int row = first; row < end; row++) {
                append(new Place(sequence, row, past.integer(sequence) + row - first), told);
            }
            for (int row = first; row < end; row++) {
                for (int head = 0; head < heads; head++) {
                    attend(new Place(sequence, row, past.integer(sequence) + row - first), head);
                }
            }
        }
    }

    private void append(Place place, Written told) {
        for (int head = 0; head < kvHeads(); head++) {
            long at = cell(place.sequence(), place.position(), head);
            float[] key = rotated(place, heads + head);
            long value = number(place.row(), heads + kvHeads() + head);
            for (int i = 0; i < dim(); i++) {
                told.number(keys.set(at + i, key[i]));
                told.number(values.set(at + i, qkv.number(value + i)));
            }
        }
    }

    private void attend(Place place, int head) {
        int kvHead = head / (heads / kvHeads());
        float[] query = rotated(place, head);
        int from = window < 0 ? 0 : Math.max(0, place.position() - window + 1);
        float[] weights = new float[place.position() + 1 - from];
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < weights.length; i++) {
            long at = cell(place.sequence(), from + i, kvHead);
            for (int d = 0; d < query.length; d++) {
                weights[i] += query[d] * keys.number(at + d);
            }
            weights[i] /= (float) Math.sqrt(query.length);
            max = Math.max(max, weights[i]);
        }
        float sum = 0;
        float[] attended = new float[query.length];
        for (int i = 0; i < weights.length; i++) {
            float weight = (float) Math.exp(weights[i] - max);
            sum += weight;
            long at = cell(place.sequence(), from + i, kvHead);
            for (int d = 0; d < attended.length; d++) {
                attended[d] += weight * values.number(at + d);
            }
        }
        for (int d = 0; d < attended.length; d++) {
            out.set((long) place.row() * out.size(1) + (long) head * dim() + d, attended[d] / sum);
        }
    }

    /** Index of the first number of a head of a row in the packed products. */
    private long number(int row, int head) {
        return (long) row * qkv.size(1) + (long) head * dim();
    }

    /** Index of the first number of a head's key, or value, in the pages. */
    private long cell(int sequence, int position, int head) {
        int rows = keys.size(1);
        int page = table.integer((long) sequence * table.size(1) + position / rows);
        return (((long) page * rows + position % rows) * kvHeads() + head) * dim();
    }

    private float[] rotated(Place place, int head) {
        long at = number(place.row(), head);
        int half = dim() / 2;
        float[] rotated = new float[dim()];
        for (int i = 0; i < half; i++) {
            float first = qkv.number(at + i);
            float second = qkv.number(at + i + half);
            float c = cos.number((long) place.position() * half + i);
            float s = sin.number((long) place.position() * half + i);
            rotated[i] = first * c - second * s;
            rotated[i + half] = second * c + first * s;
        }
        return rotated;
    }
}
