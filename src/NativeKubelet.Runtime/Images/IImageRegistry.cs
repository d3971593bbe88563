using System.Collections.Immutable;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Runtime.Images;

/// <summary>
/// What the store needs of registries: bytes. It checks each against digest and size itself; whoever fetches sees to
/// credentials, mirrors, retries and resuming within one stream.
/// </summary>
public interface IImageRegistry
{
    /// <param name="reference">Its digest decides where it has one, else its tag.</param>
    /// <returns>The document as served, and the digest under which it was.</returns>
    /// <exception cref="ImageException">ErrImagePull, RegistryUnavailable.</exception>
    Task<RegistryDocument> GetManifestAsync(ImageReference reference, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel);

    /// <param name="offset">Where to begin; what lies before is here already.</param>
    /// <returns>The blob from there, or from its start when the registry cannot begin elsewhere. The caller disposes it.</returns>
    Task<RegistryBlob> OpenBlobAsync(ImageReference reference, ContentDescriptor blob, long offset, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel);
}

public sealed record RegistryDocument(byte[] Content, string? MediaType, ContentDigest Digest);

/// <param name="Offset">Where in the blob the stream begins.</param>
public sealed record RegistryBlob(Stream Content, long Offset) : IDisposable
{
    public void Dispose() => Content.Dispose();
}
