using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Objects;

namespace NativeKubelet.Tests.Unit.Core.Objects;

public sealed class NodeObjectsTests
{
    [Fact]
    public void What_came_changed_and_went_is_told_and_nothing_else()
    {
        (NodeObjects first, ImmutableHashSet<ObjectKey> came, _) = NodeObjects.Empty.Replaced([Map("a", "1"), Map("b", "1"), Map("c", "1")]);
        (NodeObjects second, ImmutableHashSet<ObjectKey> changed, _) = first.Replaced([Map("a", "1"), Map("b", "2"), Map("d", "1")]);

        Assert.Equal(["a", "b", "c"], came.Select(k => k.Name).Order());
        Assert.Equal(["b", "c", "d"], changed.Select(k => k.Name).Order());
        Assert.Equal("2", second.ConfigMap("default", "b")?.Data["level"]);
        Assert.Null(second.ConfigMap("default", "c"));
        Assert.Null(second.ConfigMap("other", "a"));
    }

    [Fact]
    public void The_first_of_two_definitions_counts_and_the_other_is_told()
    {
        (NodeObjects objects, _, ImmutableArray<ObjectConflict> conflicts) = NodeObjects.Empty.Replaced([Map("a", "1", origin: "1.yaml"), Map("a", "2", origin: "2.yaml")]);

        Assert.Equal("1", objects.ConfigMap("default", "a")?.Data["level"]);
        ObjectConflict conflict = Assert.Single(conflicts);
        Assert.Equal("2.yaml", conflict.Origin);
        Assert.Contains("1.yaml", conflict.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_immutable_object_keeps_its_content_until_it_has_been_away()
    {
        (NodeObjects first, _, _) = NodeObjects.Empty.Replaced([Map("a", "1", immutable: true)]);
        (NodeObjects second, ImmutableHashSet<ObjectKey> changed, ImmutableArray<ObjectConflict> conflicts) = first.Replaced([Map("a", "2", immutable: true)]);
        (NodeObjects away, _, _) = second.Replaced([]);
        (NodeObjects third, _, _) = away.Replaced([Map("a", "2", immutable: true)]);

        Assert.Empty(changed);
        Assert.Contains("immutable", Assert.Single(conflicts).Message, StringComparison.Ordinal);
        Assert.Equal("1", second.ConfigMap("default", "a")?.Data["level"]);
        Assert.Equal("2", third.ConfigMap("default", "a")?.Data["level"]);
    }

    [Fact]
    public void A_pod_is_concerned_by_what_it_mounts_shows_or_pulls_with_and_by_no_other()
    {
        V1Pod pod = Manifests.Manifest.Pod(Manifests.Manifest.Yaml(
            container: "envFrom: [{configMapRef: {name: env}}]\nenv: [{name: A, valueFrom: {secretKeyRef: {name: key, key: k}}}]",
            spec: """
                volumes:
                - {name: one, configMap: {name: files}}
                - {name: two, projected: {sources: [{secret: {name: projected}}]}}
                - {name: three, persistentVolumeClaim: {claimName: data}}
                """));

        Assert.Equal(
            ["ConfigMap default/env", "ConfigMap default/files", "PersistentVolumeClaim default/data", "Secret default/key", "Secret default/projected"],
            PodReferences.Of(pod).Select(k => k.ToString()).Order(StringComparer.Ordinal));
        Assert.True(PodReferences.Concerned(pod, ImmutableHashSet.Create(ObjectKey.Secret("default", "projected"))));
        Assert.True(PodReferences.Concerned(pod, ImmutableHashSet.Create(ObjectKey.Volume("disk"))));
        Assert.False(PodReferences.Concerned(pod, ImmutableHashSet.Create(ObjectKey.ConfigMap("web", "files"), ObjectKey.ConfigMap("default", "other"))));
    }

    private static NodeObject Map(string name, string level, bool immutable = false, string origin = "m.yaml") => new(
        ObjectKey.ConfigMap("default", name),
        new V1ConfigMap { Metadata = new() { Name = name }, Data = new Dictionary<string, string> { ["level"] = level }, Immutable = immutable },
        level, origin);
}
