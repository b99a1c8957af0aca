package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.block.Probe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** What the device can do at best: the bandwidth of copies and the rate of a matrix product. */
final class LimitsPart {
    static final String NAME = "limits";

    private static final double SECONDS = 1; // of each, at least
    private static final int MOST_TIMES = 1000;

    private Limits limits = Limits.UNKNOWN;

    /** What was measured; unknown before {@link #measure}. */
    Limits limits() {
        return limits;
    }

    List<Figure> measure(Site site, Scale scale, Duration time) {
        List<Figure> figures = new ArrayList<>();
        try (Probe probe = site.probe()) {
            double most = Math.min(SECONDS, time.toMillis() / 1e3 / 4);
            double copy = probe.copySeconds(scale.copyBytes(), times(probe.copySeconds(scale.copyBytes(), 1), most));
            double bandwidth = 2.0 * scale.copyBytes() / copy;
            figures.add(Figure.of(
                    NAME,
                    "",
                    "copy bandwidth",
                    bandwidth / 1e9,
                    "GB/s",
                    "copies of " + (scale.copyBytes() >> 20) + " MiB on the device, read and written bytes counted"));
            int m = scale.product().get(0);
            int n = scale.product().get(1);
            int k = scale.product().get(2);
            double product = probe.productSeconds(m, n, k, times(probe.productSeconds(m, n, k, 1), most));
            double rate = 2.0 * m * n * k / product;
            figures.add(Figure.of(
                    NAME,
                    "",
                    "matrix product, " + (site.type().bits() == 16 ? "bf16" : "float32"),
                    rate / 1e12,
                    "TFLOP/s",
                    m + " x " + n + " x " + k + " through ONNX Runtime"));
            limits = new Limits(OptionalDouble.of(bandwidth), OptionalDouble.of(rate));
        }
        return figures;
    }

    private static int times(double seconds, double wanted) {
        return (int) Math.clamp(wanted / seconds, 1, MOST_TIMES);
    }
}
