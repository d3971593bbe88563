using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using NativeKubelet.Linux.Processes;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Tests.Node.Images;

/// <summary>A real docker-registry on loopback, in a directory of its own, and the plainest way to read from it.</summary>
public sealed class RegistryProcess : IImageRegistry, IAsyncDisposable
{
    private const string Program = "/usr/bin/docker-registry";
    private readonly PidFd _process;
    private readonly HttpClient _http = new();

    private RegistryProcess(PidFd process, int port)
    {
        _process = process;
        Host = $"127.0.0.1:{port}";
    }

    public string Host { get; }

    public static async Task<RegistryProcess> StartAsync(string directory, CancellationToken cancel)
    {
        Assert.SkipUnless(File.Exists(Program), "needs docker-registry");
        Directory.CreateDirectory(directory);
        for (int attempt = 0; ; attempt++)
        {
            int port = FreePort();
            string configuration = Path.Combine(directory, "config.yml");
            await File.WriteAllTextAsync(configuration,
                $"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {directory}/data}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n", cancel);
            PidFd process = Spawn.Start(new(Program, [Program, "serve", configuration]) { Environment = ["PATH=/usr/bin:/bin", "HOME=/nonexistent"] });
            RegistryProcess registry = new(process, port);
            if (await registry.AnswersAsync(cancel)) return registry;
            await registry.DisposeAsync();
            // Another took the port between our look and its start.
            Assert.True(attempt < 5, "docker-registry does not answer");
        }
    }

    public async Task<RegistryDocument> GetManifestAsync(ImageReference reference, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, $"http://{Host}/v2/{reference.Path}/manifests/{reference.Digest?.Text ?? reference.Tag}");
        foreach (string type in (string[])["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"])
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
        using HttpResponseMessage response = await _http.SendAsync(request, cancel);
        if (!response.IsSuccessStatusCode) throw new ImageException("ErrImagePull", $"{reference.Repository}: {response.StatusCode}");
        byte[] content = await response.Content.ReadAsByteArrayAsync(cancel);
        return new(content, response.Content.Headers.ContentType?.MediaType, ContentDigest.Parse(response.Headers.GetValues("Docker-Content-Digest").Single()));
    }

    public async Task<RegistryBlob> OpenBlobAsync(
        ImageReference reference, ContentDescriptor blob, long offset, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel)
    {
        HttpRequestMessage request = new(HttpMethod.Get, $"http://{Host}/v2/{reference.Path}/blobs/{blob.Digest}");
        if (offset > 0) request.Headers.Range = new RangeHeaderValue(offset, null);
        HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        response.EnsureSuccessStatusCode();
        return new(await response.Content.ReadAsStreamAsync(cancel), response.StatusCode == HttpStatusCode.PartialContent ? offset : 0);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _process.TrySignal(9);
        await _process.WaitForExitAsync(CancellationToken.None);
        await _process.ReapAsync(CancellationToken.None);
        _process.Dispose();
    }

    private async Task<bool> AnswersAsync(CancellationToken cancel)
    {
        Task ended = _process.WaitForExitAsync(cancel);
        while (!ended.IsCompleted)
            try
            {
                using HttpResponseMessage response = await _http.GetAsync($"http://{Host}/v2/", cancel);
                return response.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                // It listens when it is ready; there is nothing else to wait for.
                await Task.WhenAny(ended, Task.Delay(20, cancel));
            }
        return false;
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
