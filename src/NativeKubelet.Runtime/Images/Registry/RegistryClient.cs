using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging;
using NativeKubelet.Runtime.Images.Content;

namespace NativeKubelet.Runtime.Images.Registry;

/// <summary>
/// Reads images from registries (OCI distribution-spec 1.1) and their mirrors: hosts in the order of hosts.toml, all that
/// failed for a passing reason again after a while. Safe for parallel use.
/// </summary>
public sealed class RegistryClient : IImageRegistry, IDisposable
{
    private static readonly ImmutableArray<string> ManifestTypes =
    [
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json", "*/*; q=0.1",
    ];

    private readonly RegistrySettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly HostsDirectory _hosts;
    private readonly NodeCredentials _node;
    private readonly UnreachableHosts _unreachable;
    private readonly RegistryTransport _transport;
    private readonly RegistryExchange _exchange;

    public RegistryClient(RegistrySettings settings, TimeProvider time, ILogger<RegistryClient> log)
    {
        (_settings, _time, _log) = (settings, time, log);
        _hosts = new(settings.HostsDirectories, log);
        _node = new(settings.CredentialFiles, log);
        _unreachable = new(time);
        _transport = new(settings);
        _exchange = new(_transport, new(_transport, settings, time), settings, time);
    }

    public Task<RegistryDocument> GetManifestAsync(ImageReference reference, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel)
    {
        string name = reference.Digest?.Text ?? reference.Tag!;
        HostCapabilities needed = reference.Digest is null ? HostCapabilities.Resolve : HostCapabilities.Pull;
        string shown = reference.Digest is { } digest ? $"{reference.Repository}@{digest}" : reference.Tagged!;
        return FromHostsAsync(new(reference, shown, needed, credentials), (host, credential) => ManifestAsync(
            new(host, reference.Domain, reference.Path, $"manifests/{name}", credential, ManifestTypes), reference.Digest, cancel), cancel);
    }

    public async Task<RegistryBlob> OpenBlobAsync(
        ImageReference reference, ContentDescriptor blob, long offset, ImmutableArray<RegistryCredential> credentials, CancellationToken cancel)
    {
        Wanted wanted = new(reference, $"{reference.Repository} blob {blob.Digest}", HostCapabilities.Pull, credentials);
        Task<BlobBody> Open(long from, CancellationToken end) => FromHostsAsync(wanted, (host, credential) => BodyAsync(
            new(host, reference.Domain, reference.Path, $"blobs/{blob.Digest}", credential, [], from), blob, end), end);
        BlobBody first = await Open(offset, cancel);
        return new(new BlobStream(blob, offset, first, Open, _settings, _time, _log), offset);
    }

    public void Dispose() => _transport.Dispose();

    /// <summary>What is wanted, and with what.</summary>
    /// <param name="Shown">For people.</param>
    private sealed record Wanted(ImageReference Reference, string Shown, HostCapabilities Needed, ImmutableArray<RegistryCredential> Credentials);

    private async Task<T> FromHostsAsync<T>(Wanted wanted, Func<RegistryHost, RegistryCredential?, Task<T>> ask, CancellationToken cancel)
    {
        RegistryHost[] hosts = [.. _unreachable.Last(_hosts.Find(wanted.Reference.Domain).Where(h => h.Capabilities.HasFlag(wanted.Needed)))];
        if (hosts.Length == 0)
            throw new ImageException("ErrImagePull", $"{wanted.Shown}: no host in the hosts.toml of {wanted.Reference.Domain} has the capability \"{wanted.Needed.ToString().ToLowerInvariant()}\"; add it there");
        RegistryFailure?[] failures = new RegistryFailure?[hosts.Length];
        for (int round = 1; ; round++)
        {
            for (int i = 0; i < hosts.Length; i++)
                try
                {
                    if (failures[i] is { MayPass: false }) continue;
                    T result = await WithCredentialsAsync(wanted, hosts[i], ask);
                    _unreachable.Remove(hosts[i]);
                    return result;
                }
                catch (RegistryFailure e)
                {
                    failures[i] = e;
                    if (e.Kind is FailureKind.Unreachable or FailureKind.Silent) _unreachable.Add(hosts[i]);
                    _log.RegistryHostFailed(wanted.Shown, hosts[i], e.Message);
                }
            RegistryFailure? passing = failures.LastOrDefault(f => f!.MayPass);
            if (passing is null || _settings.Retry.Wait(round, failures.Max(f => f!.RetryAfter), Random.Shared.NextDouble()) is not { } wait)
                throw RegistryFailure.Join(wanted.Shown, hosts, [.. failures!]);
            _log.RegistryRetried(wanted.Shown, (long)wait.TotalMilliseconds, passing.Message);
            await Task.Delay(wait, _time, cancel);
        }
    }

    /// <summary>Tries what is filed under this host, pod's before node's, one by one; without any, anonymously.</summary>
    private async Task<T> WithCredentialsAsync<T>(Wanted wanted, RegistryHost host, Func<RegistryHost, RegistryCredential?, Task<T>> ask)
    {
        string domain = host.IsMirrorOf(wanted.Reference.Domain) ? host.Root.Authority : wanted.Reference.Domain;
        RegistryCredential?[] candidates = [.. wanted.Credentials.Where(host.Accepts), .. _node.Find(domain, wanted.Reference.Path)];
        if (candidates.Length == 0) candidates = [null];
        for (int i = 0; ; i++)
            try
            {
                return await ask(host, candidates[i]);
            }
            catch (RegistryFailure e) when (i + 1 < candidates.Length && e.Kind is FailureKind.Denied or FailureKind.NotFound)
            {
                // Many registries deny that a thing exists to those who may not see it.
            }
    }

    private async Task<RegistryDocument> ManifestAsync(RegistryAsk ask, ContentDigest? asked, CancellationToken cancel)
    {
        using HttpResponseMessage response = await _exchange.GetAsync(ask, cancel);
        byte[] content = await BoundedBody.ReadAsync(response, ImageContent.LargestDocument, _settings.IdleTimeout, _time, cancel);
        ContentDigest? told = response.Headers.TryGetValues("Docker-Content-Digest", out IEnumerable<string>? values) ? ContentDigest.TryParse(values.FirstOrDefault()) : null;
        ContentDigest digest = asked ?? told ?? ContentDigest.Of(content);
        // Another host may have it right.
        if (!digest.Matches(content)) throw new RegistryFailure(FailureKind.Refused, $"the manifest it sent is not what its digest {digest} promises");
        return new(content, response.Content.Headers.ContentType?.MediaType, digest);
    }

    private async Task<BlobBody> BodyAsync(RegistryAsk ask, ContentDescriptor blob, CancellationToken cancel)
    {
        HttpResponseMessage response = await _exchange.GetAsync(ask, cancel);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            response.Dispose();
            response = await _exchange.GetAsync(ask with { Offset = 0 }, cancel);
        }
        try
        {
            long start = response.StatusCode == HttpStatusCode.PartialContent ? response.Content.Headers.ContentRange?.From ?? long.MaxValue : 0;
            if (start > ask.Offset) throw new RegistryFailure(FailureKind.Refused, $"asked for the blob from byte {ask.Offset} on, it begins elsewhere");
            if (response.Content.Headers.ContentLength is { } length && start + length != blob.Size)
                throw new RegistryFailure(FailureKind.Refused, $"the blob is {start + length} bytes instead of the {blob.Size} promised");
            return new(response, await response.Content.ReadAsStreamAsync(cancel), start);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }
}
