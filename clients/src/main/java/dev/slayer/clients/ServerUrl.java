package dev.slayer.clients;

import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/** Where a server is, in the form that paths can be put behind. */
final class ServerUrl {
    private ServerUrl() {}

    /** The URL without trailing slashes and without {@code /v1}. @throws IllegalArgumentException if it is no http(s) URL */
    static String root(String url) {
        try {
            URI uri = new URI(url);
            boolean http = "http".equalsIgnoreCase(uri.getScheme()) || "https".equalsIgnoreCase(uri.getScheme());
            if (!http || uri.getHost() == null || uri.getRawQuery() != null || uri.getRawFragment() != null) {
                throw new IllegalArgumentException(refusal(url));
            }
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(refusal(url), e);
        }
        String root = withoutSlashes(url);
        return root.endsWith("/v1") ? withoutSlashes(root.substring(0, root.length() - 3)) : root;
    }

    /** A name as one segment of a path: {@code org/name} becomes {@code org%2Fname}. */
    static String pathSegment(String name) {
        return URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static String refusal(String url) {
        return "'" + url + "' is no URL of a server; expected something like http://127.0.0.1:8000.";
    }

    private static String withoutSlashes(String url) {
        int end = url.length();
        while (end > 0 && url.charAt(end - 1) == '/') {
            end--;
        }
        return url.substring(0, end);
    }
}
