using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images;
using NativeKubelet.Runtime.Images.Content;
using NativeKubelet.Runtime.Images.Layers;

namespace NativeKubelet.Tests.Node.Images;

/// <summary>Pulls what skopeo pushed, from Debian's docker-registry.</summary>
public sealed class RegistryPullTests : IDisposable
{
    private readonly StoreHost _host = new();

    [Theory]
    [InlineData("oci")]
    [InlineData("v2s2")]
    public async Task An_image_pushed_by_skopeo_is_pulled_and_runs(string format)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/skopeo"), "needs skopeo");
        await using RegistryProcess registry = await RegistryProcess.StartAsync(_host["registry-process"], StoreHost.Deadline());
        string archive = _host.MakeImage("hello.tar", "--add", "/etc/hostname:/one", "--add", "/etc/passwd:/two", "--add", "/etc/group:/three");
        await Tool.RunAsync("/usr/bin/skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--format", format, $"oci-archive:{archive}", $"docker://{registry.Host}/team/hello:1");
        using ImageStore store = ImageStore.Open(
            _host.Paths with { Data = _host["data2"], Run = _host["run2"] }, registry, LayerLimits.Default, TimeProvider.System, NullLogger.Instance);

        ImageRecord image = await store.PullAsync($"{registry.Host}/team/hello:1", [], null, StoreHost.Deadline());

        string digest = (await registry.GetManifestAsync(ImageReference.Parse($"{registry.Host}/team/hello:1"), [], StoreHost.Deadline())).Digest.Text;
        Assert.Equal([$"{registry.Host}/team/hello@{digest}"], image.RepoDigests);
        Assert.Equal(4, image.Layers.Length);
        await store.MountRootFileSystemAsync(image, _host["container"], _host["target"], StoreHost.Deadline());
        Assert.Equal(File.ReadAllText("/etc/group"), await Tool.RunAsync("/usr/sbin/chroot", _host["target"], "/bin/cat", "/three"));
        Assert.Equal(image.Id, (await store.PullAsync($"{registry.Host}/team/hello@{digest}", [], null, StoreHost.Deadline())).Id);
        ImageException missing = await Assert.ThrowsAsync<ImageException>(() => store.PullAsync($"{registry.Host}/team/none:1", [], null, StoreHost.Deadline()));
        Assert.Equal("ErrImagePull", missing.Reason);
    }

    public void Dispose() => _host.Dispose();
}
