using System.Collections.Immutable;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images;
using NativeKubelet.Runtime.Images.Content;
namespace NativeKubelet.Composition;
internal sealed class NoRegistry : IImageRegistry
{
    public Task<RegistryDocument> GetManifestAsync(ImageReference reference, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel) => throw new ImageException("ErrImagePull", "no registry");
    public Task<RegistryBlob> OpenBlobAsync(ImageReference reference, ContentDescriptor blob, long offset, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel) => throw new ImageException("ErrImagePull", "no registry");
}
