package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import io.vertx.core.Handler;
import io.vertx.ext.web.RoutingContext;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * Asks for one of the keys as a bearer token; with no keys it lets everybody in, whatever token they send. How long a comparison
 * takes tells nothing about a key.
 */
final class ApiKeys implements Handler<RoutingContext> {
    private static final String SCHEME = "bearer ";

    private final List<byte[]> digests;

    ApiKeys(List<String> keys) {
        digests = keys.stream().map(ApiKeys::digest).toList();
    }

    @Override
    public void handle(RoutingContext ctx) {
        if (!digests.isEmpty() && !known(ctx.request().getHeader("authorization"))) {
            ctx.fail(new SlayerException(
                    401,
                    "invalid_api_key",
                    null,
                    "The API key is missing or wrong; send 'Authorization: Bearer KEY' with a key of this server.",
                    null));
            return;
        }
        ctx.next();
    }

    private boolean known(String authorization) {
        boolean bearer = authorization != null && authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length());
        byte[] given = digest(bearer ? authorization.substring(SCHEME.length()).strip() : "");
        boolean known = false;
        for (byte[] digest : digests) {
            known |= MessageDigest.isEqual(digest, given);
        }
        return bearer && known;
    }

    private static byte[] digest(String key) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw SlayerException.internal("This Java runtime lacks SHA-256.", e);
        }
    }
}
