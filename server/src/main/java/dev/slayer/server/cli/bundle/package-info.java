/** What {@code slayer bundle} packs for machines without network, and the test that such a bundle is whole. */
package dev.slayer.server.cli.bundle;
