using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace NativeKubelet.Cluster;

/// <summary>
/// Keeps a copy of all objects of one kind that a selector meets: lists once, then watches from there, over broken connections
/// and restarts of the server. Lists anew only when the server has forgotten the version that was seen last. While the server says
/// now and then that it is still there (bookmarks, about one a minute), nothing is asked again for half a day.
/// </summary>
/// <param name="path">As in <c>api/v1/pods?fieldSelector=spec.nodeName%3Da</c>.</param>
/// <param name="plain">What is asked for where the server does not know that selector; the objects that it would have left out are kept too.</param>
/// <param name="trim">Lets go of what the node never reads, before the object is kept.</param>
public sealed partial class ObjectWatch<T, TList>(ApiClient api, string path, Action<T> trim, TimeProvider time, ILogger log, string? plain = null)
    where T : class, IKubernetesObject<V1ObjectMeta> where TList : class, IItems<T>, IKubernetesObject<V1ListMeta>
{
    // Of each watch, at random from here to twice as much, so that no two nodes ask at the same time. A server without bookmarks is asked
    // as often as every client of Kubernetes asks; what went silent without them would never be noticed.
    private static readonly TimeSpan ShortestWatch = TimeSpan.FromHours(12), ShortestSilence = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan ShortWatch = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly RetryPause _pause = new(TimeSpan.FromMilliseconds(800), TimeSpan.FromSeconds(30), time);
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ImmutableDictionary<string, T> _objects = ImmutableDictionary<string, T>.Empty;      // by UID, swapped under _gate
    private TaskCompletionSource _changed = New();
    private string? _version;

    /// <summary>By UID; empty before the first list.</summary>
    public ImmutableDictionary<string, T> Objects => Volatile.Read(ref _objects);

    /// <summary>Completes with the first list.</summary>
    public Task Synced => _synced.Task;

    /// <summary>Completes with the next change; to be had before looking at <see cref="Objects"/>.</summary>
    public Task Changed => Volatile.Read(ref _changed).Task;

    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                if (_version is null) await ListAsync(cancel);
                long begun = time.GetTimestamp();
                await WatchAsync(cancel);
                if (time.GetElapsedTime(begun) > ShortWatch) _pause.Reset();
                // A server that hangs up at once would be called again at once, for ever.
                else await _pause.WaitAsync(null, cancel);
            }
            catch (ApiException e) when (e.IsExpired)
            {
                WatchExpired(log, path);
                _version = null;
            }
            catch (ApiException e) when (e.Code == 400 && plain is { } simpler && path != simpler)
            {
                path = simpler;
            }
            catch (Exception e) when (!cancel.IsCancellationRequested && e is ApiException or IOException or HttpRequestException or JsonException)
            {
                WatchFailed(log, path, e.Message);
                // What cannot be read once may never be: from a list on all is known again.
                if (e is JsonException) _version = null;
                await _pause.WaitAsync((e as ApiException)?.RetryAfter, cancel);
            }
        }
    }

    private async Task ListAsync(CancellationToken cancel)
    {
        // 0: whatever the server's cache holds will do, the watch goes on from there.
        TList list = await api.GetAsync<TList>(With("resourceVersion=0"), cancel);
        // What is in its place, from a proxy or a server that only begins, must not be taken for "nothing is there".
        if (list is not { Metadata.ResourceVersion.Length: > 0 } || list.Kind?.EndsWith("List", StringComparison.Ordinal) != true) throw new JsonException("the answer is no list");
        Dictionary<string, T> found = [];
        foreach (T item in list.Items ?? [])
        {
            trim(WatchEvent.Whole(item));
            found[item.Metadata.Uid] = item;
        }
        Swap(_ => found.ToImmutableDictionary());
        _version = list.Metadata.ResourceVersion;
        _pause.Reset();
        _synced.TrySetResult();
    }

    private async Task WatchAsync(CancellationToken cancel)
    {
        double share = 1 + Random.Shared.NextDouble();
        TimeSpan patience = ShortestSilence * share;
        using CancellationTokenSource silence = new(patience, time);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(cancel, silence.Token);
        try
        {
            using HttpResponseMessage answer = await api.WatchAsync(With(
                $"watch=true&allowWatchBookmarks=true&timeoutSeconds={(int)(ShortestWatch.TotalSeconds * share)}&resourceVersion={_version}"), end.Token);
            await using Stream body = await answer.Content.ReadAsStreamAsync(end.Token);
            await WatchLines.ReadAsync(body, (type, json) =>
            {
                silence.CancelAfter(patience);
                Take(type, json);
            }, end.Token);
        }
        catch (OperationCanceledException) when (silence.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            WatchSilent(log, path);
        }
    }

    private void Take(WatchEventType type, ReadOnlySequence<byte> json)
    {
        if (type == WatchEventType.Error) throw WatchEvent.Failure(json, path);
        T item = WatchEvent.Object<T>(type, json);
        if (type != WatchEventType.Bookmark)
        {
            trim(item);
            Swap(all => type == WatchEventType.Deleted ? all.Remove(item.Metadata.Uid) : all.SetItem(item.Metadata.Uid, item));
        }
        _version = item.Metadata.ResourceVersion;
        _pause.Reset();
    }

    private void Swap(Func<ImmutableDictionary<string, T>, ImmutableDictionary<string, T>> change)
    {
        TaskCompletionSource ring;
        lock (_gate)
        {
            Volatile.Write(ref _objects, change(_objects));
            ring = _changed;
            Volatile.Write(ref _changed, New());
        }
        ring.SetResult();
    }

    private string With(string query) => $"{path}{(path.Contains('?') ? '&' : '?')}{query}";

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(LogLevel.Debug, "WatchExpired path={Path}: it is listed anew")]
    private static partial void WatchExpired(ILogger log, string path);

    [LoggerMessage(LogLevel.Debug, "WatchSilent path={Path}: it is begun again where it was")]
    private static partial void WatchSilent(ILogger log, string path);

    [LoggerMessage(LogLevel.Warning, "WatchFailed path={Path}: {Cause}; it is tried again")]
    private static partial void WatchFailed(ILogger log, string path, string cause);
}
