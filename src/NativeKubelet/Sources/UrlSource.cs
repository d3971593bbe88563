using System.Collections.Immutable;
using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Sources;

/// <summary>
/// Pods that a web server names (spec 30 §1.2): GET every checkFrequency. What cannot be fetched or is invalid changes
/// nothing, and at the start the last valid answer stands in for it; an empty answer removes the pods. Header values are
/// never logged.
/// </summary>
internal sealed partial class UrlSource : IPodSource, IDisposable
{
    private const int LoudFailures = 3;

    private static readonly DecodedManifest Nothing = new([], []);

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10), StandardFrequency = TimeSpan.FromSeconds(20);

    private readonly string _url;
    private readonly string _nodeName;
    private readonly ImmutableArray<KeyValuePair<string, string>> _headers;
    private readonly TimeSpan _checkFrequency;
    private readonly LastValidManifests _lastValid;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly HttpClient _http;
    private readonly ProblemAges _ages = new();
    private readonly Channel<PodSet> _sets = Channel.CreateBounded<PodSet>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    private readonly ManifestScope _scope;
    private byte[]? _body;
    private DecodedManifest? _valid;
    private int _failures;
    private volatile bool _ready;

    /// <param name="url">staticPodURL.</param>
    /// <param name="headers">staticPodURLHeader; a name may have several values.</param>
    /// <param name="handler">Taken over; null: the ordinary one.</param>
    public UrlSource(
        string url, IReadOnlyDictionary<string, IReadOnlyList<string>> headers, string nodeName, TimeSpan checkFrequency,
        LastValidManifests lastValid, TimeProvider time, ILogger<UrlSource> log, HttpMessageHandler? handler = null, ManifestScope scope = ManifestScope.Standalone)
    {
        _url = url;
        _nodeName = nodeName;
        _scope = scope;
        _headers = [.. headers.SelectMany(h => h.Value.Select(value => KeyValuePair.Create(h.Key, value)))];
        _checkFrequency = checkFrequency > TimeSpan.Zero ? checkFrequency : StandardFrequency;
        _lastValid = lastValid;
        _time = time;
        _log = log;
        // A redirect's target would be sent the headers, which may be a password for this host alone.
        _http = new HttpClient(handler ?? new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }, disposeHandler: true)
        {
            Timeout = Timeout,
            MaxResponseContentBufferSize = ManifestFolder.MostBytes,
        };
    }

    public string Name => ManifestOrigin.HttpSource;

    public bool Ready => _ready;

    public ChannelReader<PodSet> Sets => _sets.Reader;

    private ManifestOrigin Origin => ManifestOrigin.Url(_url, _nodeName) with { Scope = _scope };

    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                await CheckAsync(cancel);
                await Task.Delay(_checkFrequency, _time, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // the way to end
        }
        finally
        {
            // After a fault this source is run again, and whoever reads the sets waits for more.
            if (cancel.IsCancellationRequested) _sets.Writer.TryComplete();
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>One look at the server.</summary>
    internal async Task CheckAsync(CancellationToken cancel)
    {
        byte[] body;
        try
        {
            body = await FetchAsync(cancel);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or FormatException or InvalidOperationException
            || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            Failed(e is OperationCanceledException ? $"no answer within {Timeout.TotalSeconds:0} s" : e.Message);
            return;
        }
        if (_failures > 0) UrlAnswers(Origin.Display, _failures);
        _failures = 0;
        if (_body is not null && _body.AsSpan().SequenceEqual(body)) return;
        _body = body;
        Take(body);
    }

    private async Task<byte[]> FetchAsync(CancellationToken cancel)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, _url);
        foreach ((string name, string value) in _headers) request.Headers.TryAddWithoutValidation(name, value);
        using HttpResponseMessage response = await _http.SendAsync(request, cancel);
        if (response.StatusCode == HttpStatusCode.OK) return await response.Content.ReadAsByteArrayAsync(cancel);
        string hint = (int)response.StatusCode is >= 300 and < 400 ? "; redirects are not followed, give the final address" : "";
        throw new HttpRequestException($"the server answered {(int)response.StatusCode}, 200 is needed{hint}");
    }

    private void Take(byte[] body)
    {
        if (body.Length == 0)
        {
            UrlEmpty(Origin.Display);
            _valid = Nothing;
            _lastValid.Forget(Name, _url);
            Publish([]);
            return;
        }
        DecodedManifest read = ManifestDecoder.Decode(body, Origin, _time.GetUtcNow());
        if (read.Valid)
        {
            _valid = read;
            Publish(read.Problems);
            _lastValid.Save(Name, _url, body);
            return;
        }
        _valid ??= StandIn();
        Publish(_valid is null ? read.Problems : [.. read.Problems.Select(p => p with { StandIn = true })]);
    }

    /// <summary>After a restart the content that was valid before it; null where there never was any.</summary>
    private DecodedManifest? StandIn()
    {
        if (_lastValid.Load(Name, _url) is not { } kept) return null;
        DecodedManifest old = ManifestDecoder.Decode(kept, Origin, _time.GetUtcNow());
        return old.Valid ? old : null;
    }

    private void Publish(IEnumerable<ManifestProblem> problems)
    {
        (ImmutableArray<ManifestProblem> all, ImmutableArray<ManifestProblem> fresh) = _ages.Date(problems, _time.GetUtcNow());
        foreach (ManifestProblem problem in fresh)
        {
            if (problem.Severity == ProblemSeverity.Warning) ManifestDoubtful(problem);
            else ManifestRefused(problem);
        }
        _sets.Writer.TryWrite(new PodSet(Name, _valid?.Pods ?? [], all) { Objects = _valid?.Objects ?? [] });
        _ready = true;
    }

    private void Failed(string cause)
    {
        if (++_failures <= LoudFailures) UrlFailed(Origin.Display, cause, _failures == LoudFailures ? "; further failures are not told" : "");
        // A node that boots before its server, or without it, runs what it ran.
        if (_failures > 1 || _valid is not null || StandIn() is not { } kept) return;
        _valid = kept;
        UrlStandsIn(Origin.Display);
        Publish(kept.Problems);
    }

    [LoggerMessage(LogLevel.Error, "ManifestUrlFailed url={Url}: {Cause}; its pods stay as they are{Quiet}")]
    private partial void UrlFailed(string url, string cause, string quiet);

    [LoggerMessage(LogLevel.Warning, "ManifestUrlStandIn url={Url}: its last valid answer stands in until it answers")]
    private partial void UrlStandsIn(string url);

    [LoggerMessage(LogLevel.Information, "ManifestUrlAnswers url={Url}: again, after {Failures} failures")]
    private partial void UrlAnswers(string url, int failures);

    [LoggerMessage(LogLevel.Error, "ManifestUrlEmpty url={Url}: an empty answer names no pods; those from it end")]
    private partial void UrlEmpty(string url);

    [LoggerMessage(LogLevel.Error, "ManifestRefused {Problem}; its pods stay as they are until the content changes")]
    private partial void ManifestRefused(ManifestProblem problem);

    [LoggerMessage(LogLevel.Warning, "ManifestDoubtful {Problem}")]
    private partial void ManifestDoubtful(ManifestProblem problem);
}
