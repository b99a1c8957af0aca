package dev.slayer.surgery.recipe;

import java.math.BigDecimal;

/**
 * Spherical interpolation (Shoemake, 1985) between two tensors, each taken as one vector.
 *
 * @param first factor of the first
 * @param second factor of the second
 */
public record Arc(float first, float second) {
    /** Above this cosine the arc is as good as a line, and its formula divides by next to nothing. */
    private static final double PARALLEL = 0.9995;

    /** What two vectors have to do with each other. */
    private record Products(double dot, double first, double second) {
        private static final Products NONE = new Products(0, 0, 0);

        Products plus(Products more) {
            return new Products(dot + more.dot, first + more.first, second + more.second);
        }
    }

    /**
     * Part of the way from a first vector to a second. Where they are nearly parallel or opposite, or one is zero or not finite, there
     * is no arc and it goes straight.
     *
     * @param dot sum of the products of their entries
     * @param first sum of the squares of the first's entries
     * @param second sum of the squares of the second's entries
     * @param t 0 is the first, 1 the second
     */
    public static Arc between(double dot, double first, double second, BigDecimal t) {
        double cosine = dot / (Math.sqrt(first) * Math.sqrt(second));
        if (!(Math.abs(cosine) <= PARALLEL)) {
            return straight(t);
        }
        double angle = Math.acos(cosine);
        double way = t.doubleValue();
        double sine = Math.sin(angle);
        return new Arc((float) (Math.sin((1 - way) * angle) / sine), (float) (Math.sin(way * angle) / sine));
    }

    /** (1 - t) of the first and t of the second. */
    public static Arc straight(BigDecimal t) {
        return new Arc(BigDecimal.ONE.subtract(t).floatValue(), t.floatValue());
    }

    /** Part of the way from the first to the second input. */
    static Arc between(Parts parts, BigDecimal t) {
        Products all = parts.all().mapToObj(part -> products(parts, part)).toList().stream()
                .reduce(Products.NONE, Products::plus);
        return between(all.dot, all.first, all.second, t);
    }

    /** The merge of the two. */
    Merge merge() {
        return Merge.linear(first, second);
    }

    private static Products products(Parts parts, int part) {
        double[] sums = new double[3];
        parts.read(part, (_, values, count) -> {
            float[] a = values[0];
            float[] b = values[1];
            double dot = 0;
            double first = 0;
            double second = 0;
            for (int i = 0; i < count; i++) {
                dot += (double) a[i] * b[i];
                first += (double) a[i] * a[i];
                second += (double) b[i] * b[i];
            }
            sums[0] += dot;
            sums[1] += first;
            sums[2] += second;
        });
        return new Products(sums[0], sums[1], sums[2]);
    }
}
