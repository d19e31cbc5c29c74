"""The review room: the queue of flagged frames, one frame large, what people say of them, and kinds of defect."""
