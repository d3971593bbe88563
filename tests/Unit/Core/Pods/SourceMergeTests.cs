using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

public sealed class SourceMergeTests
{
    private static readonly SourceMerge Empty = new("file", (a, b) => a.RestartPolicy == b.RestartPolicy);

    [Fact]
    public void A_first_delivery_adds_everything_oldest_first()
    {
        (_, PodChanges changes) = Empty.Deliver([Pod("b", "2", age: 1), Pod("a", "1", age: 2)]);

        Assert.Equal(["1", "2"], changes.Added.Select(p => p.Metadata.Uid));
    }

    [Fact]
    public void The_same_delivery_again_changes_nothing()
    {
        (SourceMerge next, _) = Empty.Deliver([Pod("a", "1")]);

        Assert.True(next.Deliver([Pod("a", "1")]).Changes.IsEmpty);
    }

    [Fact]
    public void A_changed_file_removes_the_old_pod_and_adds_the_new_one()
    {
        (SourceMerge next, _) = Empty.Deliver([Pod("a", "1"), Pod("b", "2")]);

        PodChanges changes = next.Deliver([Pod("a", "3"), Pod("b", "2")]).Changes;

        Assert.Equal(["1"], changes.Removed.Select(p => p.Metadata.Uid));
        Assert.Equal(["3"], changes.Added.Select(p => p.Metadata.Uid));
        Assert.Empty(changes.Updated);
    }

    [Fact]
    public void The_first_of_two_pods_with_one_name_wins()
    {
        PodChanges changes = Empty.Deliver([Pod("a", "1"), Pod("a", "2")]).Changes;

        Assert.Equal("1", Assert.Single(changes.Added).Metadata.Uid);
        Assert.Equal("Error validating pod a_default(2) from file due to duplicate pod name \"a\", ignoring", Assert.Single(changes.Duplicates).Message);
    }

    [Fact]
    public void Spec_labels_and_foreign_annotations_are_updates_and_local_annotations_are_not()
    {
        (SourceMerge next, _) = Empty.Deliver([Pod("a", "1")]);

        Assert.Single(next.Deliver([Pod("a", "1", change: p => p.Spec.RestartPolicy = "Never")]).Changes.Updated);
        Assert.Single(next.Deliver([Pod("a", "1", change: p => p.Metadata.Labels = new Dictionary<string, string> { ["x"] = "y" })]).Changes.Updated);
        Assert.Single(next.Deliver([Pod("a", "1", change: p => p.Metadata.Annotations = new Dictionary<string, string> { ["x"] = "y" })]).Changes.Updated);
        Assert.True(next.Deliver([Pod("a", "1", change: p => p.Metadata.Annotations = new Dictionary<string, string> { ["kubernetes.io/config.seen"] = "now" })]).Changes.IsEmpty);
    }

    private static V1Pod Pod(string name, string uid, int age = 0, Action<V1Pod>? change = null)
    {
        V1Pod pod = A.Pod();
        pod.Metadata.Name = name;
        pod.Metadata.Uid = uid;
        pod.Metadata.CreationTimestamp = A.T0.UtcDateTime.AddHours(-age);
        change?.Invoke(pod);
        return pod;
    }
}
