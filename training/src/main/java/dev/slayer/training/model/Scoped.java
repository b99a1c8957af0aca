package dev.slayer.training.model;

import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/** Scopes for native tensors: what is made within goes at the end, whatever autograd still needs it keeps itself. */
final class Scoped {
    private Scoped() {}

    /** Runs with a scope of its own; only the result goes on to the scope around it, if there is one. */
    static Tensor keep(Supplier<Tensor> body) {
        PointerScope outer = PointerScope.getInnerScope();
        Tensor result;
        try (PointerScope _ = new PointerScope()) {
            result = body.get();
            var _ = result.retainReference();
        }
        if (outer != null) {
            outer.attach(result);
            var _ = result.releaseReference();
        }
        return result;
    }

    /** Runs with a scope of its own. */
    static void run(Runnable body) {
        try (PointerScope _ = new PointerScope()) {
            body.run();
        }
    }

    /** The same, and autograd records nothing. */
    static Tensor frozen(Supplier<Tensor> body) {
        return keep(() -> {
            try (NoGradGuard _ = new NoGradGuard()) {
                return body.get();
            }
        });
    }
}
