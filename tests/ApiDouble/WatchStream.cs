using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>Lists and watches of one kind, seen through selectors.</summary>
public sealed class WatchStream(ObjectStore store, TimeSpan longest)
{
    /// <summary>How often a watch that asked for bookmarks gets one. The real server takes about a minute.</summary>
    public TimeSpan BookmarkEvery { get; set; } = TimeSpan.FromSeconds(5);

    public JsonObject List(ApiRequest request, Selectors selectors)
    {
        (IReadOnlyList<JsonObject> items, long version) = store.List(request.Kind, request.Namespace);
        return new()
        {
            ["kind"] = request.Kind.Kind + "List",
            ["apiVersion"] = request.Kind.ApiVersion,
            ["metadata"] = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture) },
            ["items"] = new JsonArray([.. items.Where(selectors.Match).Select(Bare)]),
        };
    }

    public async Task WatchAsync(ApiRequest request, Selectors selectors, HttpContext context)
    {
        IQueryCollection query = context.Request.Query;
        string asked = query["resourceVersion"].ToString();
        bool bookmarks = query["allowWatchBookmarks"].ToString() is "true" or "1";
        bool initial = query["sendInitialEvents"].ToString() is "true" or "1";
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        if (int.TryParse(query["timeoutSeconds"], out int seconds) && seconds > 0) end.CancelAfter(TimeSpan.FromSeconds(Math.Min(seconds, longest.TotalSeconds)));
        long version = asked.Length > 0 && asked != "0" && !initial ? long.Parse(asked, CultureInfo.InvariantCulture) : -1;
        if (version >= 0) _ = store.Since(version);       // 410 while there is still a status line to say it in
        context.Response.ContentType = "application/json";
        await context.Response.Body.FlushAsync(end.Token);
        try
        {
            if (version < 0)
            {
                (IReadOnlyList<JsonObject> items, version) = store.List(request.Kind, request.Namespace);
                foreach (JsonObject item in items.Where(selectors.Match)) await SendAsync("ADDED", item);
                if (initial) await SendAsync("BOOKMARK", Bookmark(request.Kind, version, new JsonObject { ["k8s.io/initial-events-end"] = "true" }));
            }
            while (true)
            {
                (IReadOnlyList<ObjectChange> changes, Task next, long now) = store.Since(version);
                foreach (ObjectChange change in changes.Where(c => c.Kind == request.Kind))
                    if (EventOf(change, request, selectors) is { } type) await SendAsync(type, change.After);
                version = now;
                await context.Response.Body.FlushAsync(end.Token);
                if (await Task.WhenAny(next, Task.Delay(BookmarkEvery, end.Token)) != next && !end.IsCancellationRequested && bookmarks)
                    await SendAsync("BOOKMARK", Bookmark(request.Kind, version, []));
                end.Token.ThrowIfCancellationRequested();
            }
        }
        catch (ApiException e)
        {
            await SendAsync("ERROR", e.ToStatus());
        }
        catch (OperationCanceledException)
        {
            // Its time is up, or the client left.
        }

        async Task SendAsync(string type, JsonObject o)
        {
            string line = new JsonObject { ["type"] = type, ["object"] = o.DeepClone() }.ToJsonString() + "\n";
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(line), end.Token);
            await context.Response.Body.FlushAsync(end.Token);
        }
    }

    /// <summary>An object that comes to match is new to the watcher, one that ceases to is gone.</summary>
    private static string? EventOf(ObjectChange change, ApiRequest request, Selectors selectors)
    {
        if (request.Namespace.Length > 0 && Text(Meta(change.After)["namespace"]) != request.Namespace) return null;
        bool before = change.Before is not null && selectors.Match(change.Before), after = !change.Removed && selectors.Match(change.After);
        return (before, after) switch { (false, true) => "ADDED", (true, true) => "MODIFIED", (true, false) => "DELETED", _ => null };
    }

    private static JsonObject Bookmark(ResourceKind kind, long version, JsonObject annotations)
    {
        JsonObject metadata = new() { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture), ["creationTimestamp"] = null };
        if (annotations.Count > 0) metadata["annotations"] = annotations;
        return new() { ["kind"] = kind.Kind, ["apiVersion"] = kind.ApiVersion, ["metadata"] = metadata };
    }

    /// <summary>Items of a list do not say what they are.</summary>
    private static JsonNode Bare(JsonObject o)
    {
        JsonObject item = (JsonObject)o.DeepClone();
        item.Remove("kind");
        item.Remove("apiVersion");
        return item;
    }
}
