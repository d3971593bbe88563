using System.Globalization;
using System.Text.Json.Nodes;

namespace NativeKubelet.Tests.ApiDouble;

/// <param name="Before">Null when it was made.</param>
/// <param name="After">Its last state too when it was removed, with the version of the removal.</param>
public sealed record ObjectChange(ResourceKind Kind, long Version, JsonObject? Before, JsonObject After, bool Removed);

/// <summary>
/// Objects with one growing version, and what happened to them since the last compaction. Stored objects are never changed in
/// place: whoever wants another one stores a copy.
/// </summary>
public sealed class ObjectStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(ResourceKind, string, string), JsonObject> _objects = [];
    private readonly List<ObjectChange> _history = [];
    private long _version = 1, _compacted = 1;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long Version { get { lock (_gate) return _version; } }

    public static JsonObject Meta(JsonObject o) => (JsonObject)o["metadata"]!;

    public static string Text(JsonNode? node) => node is null ? "" : node.GetValueKind() == System.Text.Json.JsonValueKind.String ? node.GetValue<string>() : node.ToJsonString();

    public JsonObject? Find(ResourceKind kind, string scope, string name)
    {
        lock (_gate) return _objects.GetValueOrDefault((kind, scope, name));
    }

    /// <param name="scope">Empty: of all namespaces.</param>
    public (IReadOnlyList<JsonObject> Items, long Version) List(ResourceKind kind, string scope)
    {
        lock (_gate)
            return ([.. _objects.Where(o => o.Key.Item1 == kind && (scope.Length == 0 || o.Key.Item2 == scope)).OrderBy(o => o.Key.Item2 + "/" + o.Key.Item3, StringComparer.Ordinal).Select(o => o.Value)], _version);
    }

    /// <summary>Reads and writes as one step.</summary>
    /// <param name="change">From what is there (null: nothing) to what shall be (null: nothing). Returning the same object changes nothing.</param>
    public JsonObject? Update(ResourceKind kind, string scope, string name, Func<JsonObject?, JsonObject?> change)
    {
        lock (_gate)
        {
            JsonObject? before = _objects.GetValueOrDefault((kind, scope, name));
            JsonObject? after = change(before);
            if (ReferenceEquals(before, after) || (before is not null && after is not null && JsonNode.DeepEquals(before, after))) return before;
            _version++;
            if (after is null) _objects.Remove((kind, scope, name));
            else _objects[(kind, scope, name)] = Stamp(after);
            JsonObject last = after ?? Stamp((JsonObject)before!.DeepClone());
            _history.Add(new(kind, _version, before, last, after is null));
            TaskCompletionSource changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            changed.SetResult();
            return after;
        }
    }

    /// <summary>Forgets what led here: watches from earlier versions end with 410.</summary>
    public void Compact()
    {
        lock (_gate)
        {
            _history.Clear();
            _compacted = _version;
        }
    }

    /// <returns>What came after the version, and a task that completes with the next change.</returns>
    /// <exception cref="ApiException">410 when some of it was forgotten.</exception>
    public (IReadOnlyList<ObjectChange> Changes, Task Next, long Version) Since(long version)
    {
        lock (_gate)
        {
            if (version < _compacted) throw ApiException.Expired(version);
            int at = _history.FindIndex(c => c.Version > version);
            return (at < 0 ? [] : _history[at..], _changed.Task, _version);
        }
    }

    private JsonObject Stamp(JsonObject o)
    {
        Meta(o)["resourceVersion"] = _version.ToString(CultureInfo.InvariantCulture);
        return o;
    }
}
